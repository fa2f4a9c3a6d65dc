"""How good a model is, for whom, and how sure one can be of that.

In: labels and probabilities. Out: figures with intervals, tables by group, plots, the log of looks, the model card.
For other rooms: metrics, gaps, risk_coverage, plots, testing, looks, card.
"""
