"""How long from the start of the process to the first page, and until search answers.

Run: python -m benchmarks.first_page
"""

from __future__ import annotations

import statistics
import time

from benchmarks.gallery_process import gallery


def main() -> None:
    """Start the gallery three times and print medians."""
    pages, ready, first_use = [], [], []
    for _ in range(3):
        with gallery() as running:
            asked = time.monotonic()
            page = running.client.get("/sign-in")
            assert page.status_code == 200, page.status_code
            pages.append(time.monotonic() - running.started)
            first_use.append(time.monotonic() - asked)
            ready.append(running.wait_until_ready())
    print(f"first page after start   {statistics.median(pages):6.2f} s   (target 2 s)")
    print(f"  of which the request   {statistics.median(first_use):6.2f} s")
    print(f"search ready after start {statistics.median(ready):6.2f} s")


if __name__ == "__main__":
    main()
