"""Exit 0 when the service on this machine answers /health; for the image's HEALTHCHECK, standard library only."""

import http.client
import os
import sys

TIMEOUT_S = 2.0


def main() -> int:
    connection = http.client.HTTPConnection("127.0.0.1", int(os.environ.get("PORT") or 8080), timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/health")
        answer: object = connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        answer = error
    connection.close()
    if answer == 200:
        return 0
    print(f"/health does not answer with 200: {answer}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
