"""`python -m kerasser.serving.client`: asks a server about sound files with NumPy, soundfile and requests alone."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence

from kerasser.serving import predictions, sound
from kerasser.serving.client import connect
from kerasser.util.errors import InputError

_DESCRIPTION = (
    "Asks a served model what emotion is in speech; prints a JSON line for each file, in order. "
    "python -m pipelines.predict does the same with more settings and more packages."
)


def main(arguments: Sequence[str] | None = None) -> None:
    """Prints one line a file; status 2 and one line on standard error for something the user can mend."""
    parser = argparse.ArgumentParser(
        prog="python -m kerasser.serving.client", description=_DESCRIPTION, allow_abbrev=False
    )
    parser.add_argument("files", nargs="+", metavar="FILE", help="sound files, or folders of them")
    parser.add_argument("--server", required=True, help="http://HOST:8501 or grpc://HOST:8500")
    parser.add_argument("--model", required=True, help="name of the model, which takes sound")
    parser.add_argument("--version", type=int, help="its version; the newest by default")
    parser.add_argument("--compare", action="store_true", help="answer without the defence as well")
    parser.add_argument("--skip-unusable", action="store_true", help="report audio that cannot be used and go on")
    chosen = parser.parse_args(arguments)
    try:
        model = connect(chosen.server, chosen.model, chosen.version)
        features = predictions.extracts(model, predictions.SERVER)
        facts = predictions.predictions(
            sound.files(chosen.files), model, features, compare=chosen.compare, skip_unusable=chosen.skip_unusable
        )
        for line in facts:
            print(json.dumps(line, ensure_ascii=False), flush=True)
    except InputError as error:
        print(f"client: {' '.join(str(error).split())}", file=sys.stderr)
        raise SystemExit(2) from None


if __name__ == "__main__":
    main()
