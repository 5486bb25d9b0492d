"""How a claim's pipeline turns into the one that ships, one change at a time, and what each costs.

``routes`` says from where to where, ``states`` takes an image along, ``figures`` measures, and
``accepted`` holds the figures of the embedded images against the accepted ones.
"""
