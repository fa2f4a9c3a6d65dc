"""The same things from a shell: `maskedgender make-dataset | train | evaluate | predict | app | kaggle | export`.

In: arguments. Out: files, words, an exit status. Nothing is for other rooms: this is the top floor.
"""
