"""How good a model is, for whom, and how sure one can be of that.

In: labels and probabilities. Out: figures with intervals, tables by group, plots, records, the model card.
For other rooms: metrics, gaps, risk_coverage, plots, records, card.
"""
