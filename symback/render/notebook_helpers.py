"""Source of the functions that a notebook checks itself with. It needs NumPy and nothing else."""

CHECK = '''\
def check(name, value, wanted, tolerance=1e-8):
    """Raise unless `value` has the shape and the numbers of `wanted`; say what looks wrong."""
    if value is ...:
        raise AssertionError(f"{name} is still blank")
    value, wanted = np.asarray(value, dtype=float), np.asarray(wanted, dtype=float)
    if value.shape != wanted.shape:
        hint = "; is it transposed?" if value.T.shape == wanted.shape else ""
        raise AssertionError(f"{name} has shape {value.shape}, it needs {wanted.shape}{hint}")
    size = max(1.0, np.max(np.abs(wanted), initial=0.0))
    wrong = ~(np.abs(value - wanted) <= tolerance * size)
    if not wrong.any():
        print(f"{name} is right")
        return
    at = [int(i) + INDEX_BASE for i in np.argwhere(wrong)[0]]
    place = f" at entry {at}" if at else ""
    hint = looks_like(value, wanted)
    raise AssertionError(f"{name} is wrong{place}{hint}")


def looks_like(value, wanted):
    """A likely cause of a wrong result."""
    if value.ndim == 2 and value.shape[0] == value.shape[1] and np.allclose(value.T, wanted):
        return ": it is transposed"
    for factor, cause in ((-1, "its sign is turned"), (2, "it is twice what it should be"),
                          (0.5, "it is half of what it should be")):
        if np.allclose(value, factor * wanted) and np.any(wanted):
            return f": {cause}"
    if value.shape == wanted.shape and not np.any(value):
        return ": it is zero"
    return ""
'''

FIRST_WRONG = '''\
def check_in_order(checks):
    """Run checks one by one; stop at the first that fails."""
    for one in checks:
        try:
            one()
        except AssertionError as error:
            raise AssertionError(f"the first wrong gradient: {error}") from None
    print("every gradient is right")
'''

DIFFERENCES = '''\
def differences(**at):
    """The derivative of the output by one name, from nearby values of the output alone.

    differences(z=z) moves each entry of z a little and knows no derivative rule.
    """
    ((name, value),) = at.items()
    value = np.array(value, dtype=float)
    result = np.zeros_like(value)
    for i in np.ndindex(value.shape):
        step = 1e-4 * max(1.0, abs(value[i]))
        total = 0.0
        for k, weight in ((-2, 1), (-1, -8), (1, 8), (2, -1)):
            moved = value.copy()
            moved[i] += k * step
            total += weight * run_forward(**{name: moved if moved.ndim else float(moved)})
        result[i] = total / (12 * step)
    return result


def check_by_differences(name, value, **at):
    """Check a derivative by differences, as far as their digits go."""
    check(name, value, differences(**at), tolerance=1e-6 + 1e-11 * abs(run_forward()))
'''

OWN_NAMES = frozenset(
    {
        "check",
        "check_by_differences",
        "check_in_order",
        "differences",
        "looks_like",
        "run_forward",
        "INDEX_BASE",
    }
)
