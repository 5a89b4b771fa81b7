"""nasflow as a library, for notebooks and scripts: tables, predictors, searches and scores in memory.

`import pipeline as nasflow` has all of it. What the workflow's commands compute is computed by the same code
here; what is wrong is one line, as everywhere (`pipeline.errors`).
"""
