"""Apply and materialize repositories: python prepare.py FOLDER..., with Feast's interpreter.

Of 40 users, user 3 has only a value that is older than the TTL, and user 7 has no visits. User 39
is known to the offline source alone: its row was written after the materialization.
"""

import os
import sys
import warnings
from datetime import UTC, datetime, timedelta
from pathlib import Path

USERS, EXPIRED, WITHOUT_VISITS, LATE = 40, 3, 7, 39


def main(folders):
    warnings.filterwarnings("ignore")
    import pandas as pd
    from feast import FeatureStore

    now = datetime.now(UTC).replace(microsecond=0)
    rows = [
        {
            "user_id": user,
            "event_timestamp": now - timedelta(hours=80 if user == EXPIRED else 1),
            "spend": user * 1.5,
            "visits": None if user == WITHOUT_VISITS else user,
        }
        for user in range(USERS)
    ]
    frame = pd.DataFrame(rows)
    frame["created"] = frame.event_timestamp
    for folder in folders:
        os.chdir(folder)
        Path("data").mkdir()
        frame[frame.user_id != LATE].to_parquet("data/stats.parquet")
        sys.path.insert(0, folder)
        sys.modules.pop("flights", None)
        import flights

        store = FeatureStore(folder)
        views = [flights.stats, flights.ratios]
        services = [flights.service, flights.on_demand]
        store.apply([flights.user, flights.source, *views, *services])
        store.materialize(now - timedelta(days=4), now)
        frame.to_parquet("data/stats.parquet")
        sys.path.remove(folder)


main(sys.argv[1:])
