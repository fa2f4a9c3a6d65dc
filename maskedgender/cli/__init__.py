"""The same things from a shell: `maskedgender make-dataset | train | evaluate | predict | app | kaggle | export`.

In: arguments. Out: files, words, an exit status. For other rooms: none; it is the top floor.
"""
