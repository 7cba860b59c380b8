"""A worker for a moment: withdraws, purges and drains the gallery of its environment, then ends.

The crash tests run it with a failpoint armed, so that it is killed on the way.
"""

from __future__ import annotations

import django

if __name__ == "__main__":
    django.setup()
    from gallery.models import EmbeddingModel
    from workers import embed_parts, look_ahead
    from workers.index_sync.withdrawal import withdraw
    from workers.pipeline import drain
    from workers.purge import purge

    withdraw()
    purge()
    drain()
    embed_parts.make_due(EmbeddingModel.objects.get(state="active"), stop=lambda: False)
    look_ahead.close()
