"""A worker for a moment: withdraws, purges and drains the gallery of its environment, then ends.

The crash tests run it with a failpoint armed, so that it is killed on the way.
"""

from __future__ import annotations

import django

if __name__ == "__main__":
    django.setup()
    from workers import jobs, look_ahead

    for job in jobs.JOBS:
        job.run()
    look_ahead.close()
