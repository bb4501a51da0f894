"""StreamAdapt: models that keep learning while they serve.

The five parts are imported by their names: ``streamadapt.models``, ``streamadapt.detectors``,
``streamadapt.connectors``, ``streamadapt.ops`` and the core modules of this package.  Importing
``streamadapt`` itself loads none of them, so that a command starts fast.
"""

__all__ = ["__version__"]

__version__ = "0.1.0"
