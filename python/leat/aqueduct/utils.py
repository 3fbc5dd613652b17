"""Names of environment variables."""


def get_env_with_prefix(prefix: str, env_name: str) -> str:
    """NAME of a flow without a name is _NAME, as in Aqueduct."""
    return f"{prefix}_{env_name}"
