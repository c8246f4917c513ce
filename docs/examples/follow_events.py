"""Lists the newest events, then keeps every message of the stream in a file, whose last line says where to go on."""

import json
import os
import time
from pathlib import Path

import httpx
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

URL = os.environ.get("HSI_URL", "http://localhost:8000")
HEADERS = {"Authorization": f"Bearer {os.environ['HSI_TOKEN']}"}
KEPT = Path(os.environ.get("HSI_KEPT", "messages.jsonl"))


def show(event):
    print(event["id"], event["camera"], event["risk_score"], event["risk_source"], event["analysis"], event["summary"])


def show_newest():
    answer = httpx.get(f"{URL}/api/events", params={"limit": 5}, headers=HEADERS).raise_for_status()
    for event in reversed(answer.json()["items"]):
        show(event)


def last_seq():
    KEPT.touch()
    os.truncate(KEPT, KEPT.read_bytes().rfind(b"\n") + 1)  # a line that was cut off comes again
    lines = KEPT.read_text().splitlines()
    return json.loads(lines[-1])["seq"] if lines else None


def follow():
    seq = last_seq()
    address = f"{URL.replace('http', 'ws', 1)}/ws/events" + ("" if seq is None else f"?after={seq}")
    with connect(address, additional_headers=HEADERS) as socket, KEPT.open("a") as kept:
        for text in socket:
            message = json.loads(text)
            if message["type"] != "connection.ready" or seq is None:
                kept.write(f"{text}\n")
                kept.flush()
            if message["type"] in ("event.created", "event.updated"):
                show(message["data"])


show_newest()
while True:
    try:
        follow()
    except (OSError, WebSocketException) as error:
        print("connecting again:", error)
    time.sleep(2)
