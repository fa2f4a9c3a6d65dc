"""The web page: a photo goes in, a box and an answer for each face come out.

In: a model file and a port. Out: a page on this machine, which sends nothing elsewhere and keeps nothing.
For other rooms: app (open_page).
"""
