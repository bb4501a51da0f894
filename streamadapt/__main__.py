"""``python -m streamadapt`` is the command ``streamadapt``."""

from streamadapt.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    main()
