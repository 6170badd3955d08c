"""x"""
from bayeswd.analysis import infer
from bayeswd.analysis.forces import forces, as_params, rounding_of
from bayeswd.problem.stationarity import in_double
def infer_strength(weights, problem, *, convention="d2l", rounding=None):
    problem = in_double(problem)
    params = as_params(weights, problem)
    if rounding is None: rounding = rounding_of(weights, params)
    return infer.finding(problem, forces(problem, params, rounding), convention)
