"""How good a model is, for whom, and how sure one can be of that.

In: labels and probabilities. Out: figures with intervals, tables by group, risk against coverage, the test log.
For other rooms: metrics, gaps, risk_coverage, pictures, test_log.
"""
