"""From a judgement to a reward."""

from verifier_service.scoring.profiles.load import (
    ProfileError,
    load_profiles,
    read_profile,
    registered_profiles,
    shipped_profiles,
)
from verifier_service.scoring.profiles.rules import Profile

__all__ = [
    "Profile",
    "ProfileError",
    "load_profiles",
    "read_profile",
    "registered_profiles",
    "shipped_profiles",
]
