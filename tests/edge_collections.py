"""The collections of the fake Qdrant server, kept by Qdrant's own engine in a folder.

Requests come and go as the JSON of Qdrant's REST calls. Filters, quantisation, scores, storage and
what is left after a kill are the vendor's Rust code. Three things are not those of a server: there
is no graph, so that every search is a scan; nothing is checked by a strict mode; and booleans are
kept as marked strings, because the engine's filters read True as the integer 1.
"""

from __future__ import annotations

import json
import shutil
import threading
from pathlib import Path
from typing import Any
from uuid import UUID

import qdrant_edge as engine

NO_GRAPH = 1 << 40
"""Indexing threshold in KB: the engine never wants to build a graph."""

DISTANCES = {"Cosine": engine.Distance.Cosine, "Dot": engine.Distance.Dot}
BITS = {"bits4": engine.TurboQuantBitSize.Bits4, "bits2": engine.TurboQuantBitSize.Bits2}
KINDS = {
    "keyword": engine.PayloadSchemaType.Keyword,
    "integer": engine.PayloadSchemaType.Integer,
    "float": engine.PayloadSchemaType.Float,
    "bool": engine.PayloadSchemaType.Keyword,  # stored as strings
    "geo": engine.PayloadSchemaType.Geo,
}
_BOOLEANS = {True: "\ue000true", False: "\ue000false"}
_BOOLEAN_OF = {text: value for value, text in _BOOLEANS.items()}


class Refused(Exception):
    """The request is answered with `status` and the sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Collections:
    """All collections below a folder; those that an earlier process left there are opened."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.lock = threading.RLock()
        folder.mkdir(parents=True, exist_ok=True)
        # What was not made completely, or was being removed, has no description.
        self._open = {
            path.parent.name: Collection(path.parent) for path in folder.glob("*/created.json")
        }

    @property
    def created(self) -> dict[str, Any]:
        """With what each collection was created."""
        return {name: one.created for name, one in self._open.items()}

    @property
    def indexed(self) -> dict[str, list[Any]]:
        """The payload indexes of each collection, in the order of their making."""
        return {name: one.indexed for name, one in self._open.items()}

    def answer(self, method: str, path: str, body: Any) -> Any:
        """Return the `result` of one request; raise `Refused`."""
        parts = path.strip("/").split("/")
        name, action = parts[0], "/".join(parts[1:])
        with self.lock:
            if action == "exists":
                return {"exists": name in self._open}
            if (method, action) == ("PUT", ""):
                return self.create(name, body)
            if name not in self._open:
                raise Refused(404, f"Not found: Collection `{name}` doesn't exist!")
            if (method, action) == ("DELETE", ""):
                return self.drop(name)
            try:
                return self._open[name].answer(method, action, body)
            except Refused:
                raise
            except Exception as error:  # The engine raises no other kind.
                raise Refused(400, f"Wrong input: {error}") from error

    def create(self, name: str, body: Any) -> bool:
        if name in self._open:
            raise Refused(409, f"Wrong input: Collection `{name}` already exists!")
        shutil.rmtree(self.folder / name, ignore_errors=True)
        self._open[name] = Collection.create(self.folder / name, body)
        return True

    def drop(self, name: str) -> bool:
        """Remove a collection; its description goes first, and says that it is complete."""
        self._open.pop(name).close()
        (self.folder / name / "created.json").unlink()
        shutil.rmtree(self.folder / name, ignore_errors=True)
        return True

    def close(self) -> None:
        with self.lock:
            for one in self._open.values():
                one.close()


class Collection:
    """One shard of the engine in `folder`, with what was asked for when it was made."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.created = json.loads((folder / "created.json").read_text())
        fields = folder / "indexed.json"
        self.indexed: list[Any] = json.loads(fields.read_text()) if fields.exists() else []
        self.shard = engine.EdgeShard.load(str(folder / "shard"), _config(self.created))

    @classmethod
    def create(cls, folder: Path, body: Any) -> Collection:
        folder.mkdir(parents=True)
        (folder / "shard").mkdir()
        engine.EdgeShard.create(str(folder / "shard"), _config(body)).close()
        _write(folder / "created.json", body)
        return cls(folder)

    def close(self) -> None:
        self.shard.close()

    def answer(self, method: str, action: str, body: Any) -> Any:
        match method, action:
            case "GET", "":
                return self._described()
            case "PUT", "index":
                return self._index(body)
            case "PUT", "points":
                return self._update(engine.UpdateOperation.upsert_points(_points(body["points"])))
            case "POST", "points/delete":
                ids = [UUID(one) for one in body["points"]]
                return self._update(engine.UpdateOperation.delete_points(list[Any](ids)))
            case "POST", "points/query/batch":
                requests = [_query(one) for one in body["searches"]]
                answers = self.shard.query_batch(engine.QueryBatchRequest(requests))
                return [{"points": [_scored(hit) for hit in hits]} for hits in answers]
            case "POST", "points":
                return self._retrieve(body)
            case "POST", "points/scroll":
                return self._scroll(body)
            case "POST", "points/count":
                request = engine.CountRequest(body.get("exact", True), _filter(body.get("filter")))
                return {"count": self.shard.count(request)}
        raise Refused(404, "Not found")

    def _update(self, operation: engine.UpdateOperation) -> dict[str, Any]:
        # It is in the engine's log now, which a kill of the process does not harm.
        self.shard.update(operation)
        return {"operation_id": 0, "status": "completed"}

    def _index(self, body: Any) -> dict[str, Any]:
        schema = body["field_schema"]
        if isinstance(schema, dict) and schema["type"] == "integer":
            kind: Any = engine.IntegerIndexParams(lookup=schema["lookup"], range=schema["range"])
        elif isinstance(schema, dict):
            kind = engine.KeywordIndexParams(is_tenant=schema.get("is_tenant"))
        else:
            kind = KINDS[schema]
        create = engine.UpdateOperation.create_field_index
        done = self._update(create(body["field_name"], kind))
        self.indexed.append(body)
        _write(self.folder / "indexed.json", self.indexed)
        return done

    def _retrieve(self, body: Any) -> list[Any]:
        ids: list[Any] = [UUID(one) for one in body["ids"]]
        wanted = {
            "with_payload": body.get("with_payload", True),
            "with_vector": body.get("with_vector", False),
        }
        return [_record(one) for one in self.shard.retrieve(ids, **wanted)]

    def _scroll(self, body: Any) -> dict[str, Any]:
        offset = body.get("offset")
        records, after = self.shard.scroll(
            engine.ScrollRequest(
                offset=UUID(offset) if offset else None,
                limit=body.get("limit", 10),
                filter=_filter(body.get("filter")),
                with_payload=body.get("with_payload", True),
                with_vector=body.get("with_vector", False),
            )
        )
        page = [_record(one) for one in records]
        return {"points": page, "next_page_offset": None if after is None else str(after)}

    def _described(self) -> dict[str, Any]:
        """Return what a server says of a collection, the indexed keys among it."""
        kinds = {one["field_name"]: one["field_schema"] for one in self.indexed}
        info = self.shard.info()
        return {
            "status": "green",
            "optimizer_status": "ok",
            "points_count": info.points_count,
            "indexed_vectors_count": 0,
            "segments_count": info.segments_count,
            "config": {
                "params": {"vectors": self.created["vectors"]},
                "hnsw_config": {"m": 0, "ef_construct": 100, "full_scan_threshold": 10_000},
                "optimizer_config": {
                    "deleted_threshold": 0.2,
                    "vacuum_min_vector_number": 1000,
                    "default_segment_number": 0,
                    "flush_interval_sec": 5,
                },
            },
            "payload_schema": {
                key: {"data_type": kind["type"] if isinstance(kind, dict) else kind, "points": 0}
                for key, kind in kinds.items()
            },
        }


def _write(path: Path, content: Any) -> None:
    """Write a file that is there whole or not at all after a kill."""
    beginning = path.with_suffix(".part")
    beginning.write_text(json.dumps(content))
    beginning.replace(path)


# --- from JSON to the engine's terms and back -----------------------------------------------------


def _config(body: Any) -> engine.EdgeConfig:
    vectors, quantization = body["vectors"], body.get("quantization_config")
    turbo = None
    if quantization is not None:
        bits = BITS[quantization["turbo"]["bits"]]
        turbo = engine.TurboQuantQuantizationConfig(bits=bits)
    return engine.EdgeConfig(
        vectors=engine.EdgeVectorParams(
            size=vectors["size"], distance=DISTANCES[vectors["distance"]]
        ),
        quantization_config=turbo,
        optimizers=engine.EdgeOptimizersConfig(indexing_threshold=NO_GRAPH),
        wal_enabled=True,
    )


def _points(stored: list[Any]) -> list[Any]:
    return [
        engine.Point(
            UUID(one["id"]),
            one["vector"],
            {key: _encoded(value) for key, value in (one.get("payload") or {}).items()},
        )
        for one in stored
    ]


def _query(body: Any) -> engine.QueryRequest:
    quantization = (body.get("params") or {}).get("quantization") or {}
    query = body["query"]
    nearest = query["nearest"] if isinstance(query, dict) else query
    return engine.QueryRequest(
        query=engine.Query.Nearest(nearest),
        filter=_filter(body.get("filter")),
        limit=body.get("limit") or 10,
        offset=body.get("offset"),
        with_payload=bool(body.get("with_payload")),
        params=engine.SearchParams(
            quantization=engine.QuantizationSearchParams(
                rescore=quantization.get("rescore"), oversampling=quantization.get("oversampling")
            )
        ),
    )


def _filter(body: Any) -> Any:
    if body is None:
        return None
    if unknown := body.keys() - {"must", "should", "must_not"}:
        raise Refused(400, f"Bad request: unknown parts of a filter: {sorted(unknown)}")
    return engine.Filter(**{key: [_condition(one) for one in _listed(body[key])] for key in body})


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _condition(body: Any) -> Any:
    match body:
        case {"has_id": ids}:
            return engine.HasIdCondition(set[Any](UUID(one) for one in ids))
        case {"is_empty": {"key": key}}:
            return engine.IsEmptyCondition(key)
        case {"key": key, "match": {"value": value}}:
            return engine.FieldCondition(key, match=engine.MatchValue(_encoded(value)))
        case {"key": key, "match": {"any": values}}:
            return engine.FieldCondition(key, match=engine.MatchAny(values))
        case {"key": key, "range": bounds}:
            return engine.FieldCondition(key, range=engine.RangeFloat(**bounds))
        case {"key": key, "geo_radius": {"center": centre, "radius": radius}}:
            around = engine.GeoRadius(engine.GeoPoint(**centre), radius)
            return engine.FieldCondition(key, geo_radius=around)
        case {"key": key, "geo_bounding_box": {"top_left": first, "bottom_right": last}}:
            box = engine.GeoBoundingBox(engine.GeoPoint(**first), engine.GeoPoint(**last))
            return engine.FieldCondition(key, geo_bounding_box=box)
        case {"key": _}:
            raise Refused(400, f"Bad request: unknown condition: {body}")
    return _filter(body)


def _record(record: Any) -> dict[str, Any]:
    stored = (record.payload or {}).items()
    payload = {key: _decoded(value) for key, value in stored}
    vector = record.vector
    return {
        "id": str(record.id),
        "payload": None if record.payload is None else payload,
        **({} if vector is None else {"vector": [float(number) for number in vector]}),
    }


def _scored(hit: Any) -> dict[str, Any]:
    return {"id": str(hit.id), "version": 0, "score": float(hit.score)}


def _encoded(value: Any) -> Any:
    return _BOOLEANS[value] if isinstance(value, bool) else value


def _decoded(value: Any) -> Any:
    return _BOOLEAN_OF.get(value, value) if isinstance(value, str) else value
