"""A .keras file and a photo become answers: female, male or not sure, and how sure.

In: a model and photos. Out: one answer a face; rows of a CSV; heat maps; the same model for other runtimes.
For other rooms: answers (one photo), many_photos (thousands), cluster (an archive, by Ray), export, occlusion and
attribution (heat maps).
"""
