#!/usr/bin/env python3
"""Start and memory with a large zone: `start_1m.py [RECORDS]`. Prints medians of five starts that adopt a living
coredns and find a live copy of the same serial. Needs about 1.5 GB, most of it coredns'."""
import os
import statistics
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "e2e"))
import bd  # pylint: disable=wrong-import-position

ROUNDS = 5


def start(server, patience=60):
    """Seconds from exec until /readyz answers 200."""
    began = time.monotonic()
    server.launch()
    bd.wait_for(server.is_ready, "readiness", patience)
    return time.monotonic() - began


def main():
    records = int(sys.argv[1]) if len(sys.argv) > 1 else 1000000
    with tempfile.TemporaryDirectory() as folder:
        server = bd.Server(folder, server={"on_stop": "keep"})
        bd.write_large_zone(server.zone_file, records)
        try:
            print(f"import_s {start(server, 300):.2f}")
            print(f"import_rss_mb {bd.memory_mb(server.process.pid):.0f} (peak {bd.memory_mb(server.process.pid, 'VmHWM'):.0f})")
            ready, rss = [], []
            for _ in range(ROUNDS):
                server.stop()
                ready.append(start(server))
                rss.append(bd.memory_mb(server.process.pid))
            print(f"ready_s {statistics.median(ready):.2f} ({min(ready):.2f} to {max(ready):.2f})")
            print(f"rss_mb {statistics.median(rss):.0f} ({min(rss):.0f} to {max(rss):.0f})")
        finally:
            server.close()


if __name__ == "__main__":
    main()
