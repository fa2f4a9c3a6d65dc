"""The web page: a photo goes in, a box and an answer for each face come out.

In: a model file and a port. Out: a page of Gradio's components on this machine, which sends nothing elsewhere and keeps
nothing for longer than three minutes after its last use. For other rooms: app (open_page), annotation (annotate).
"""
