"""When chains are believed: Vehtari et al. 2021, section 4."""

LARGEST_R_HAT = 1.01
LEAST_ESS = 400  # below it R-hat itself cannot be trusted
MOST_DIVERGING = 0.01  # of all draws


def is_mixed(r_hat: float, ess_bulk: float) -> bool:
    """Whether the largest R-hat and the least bulk ESS are good enough; nan is not."""
    return bool(r_hat <= LARGEST_R_HAT and ess_bulk >= LEAST_ESS)
