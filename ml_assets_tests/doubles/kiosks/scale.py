"""How warm a day is, three calls away from the features that say it."""

from __future__ import annotations

DEGREES = 10.0


def scaled(celsius):
    return ratio(celsius, DEGREES)


def ratio(value, unit):
    return value / unit


def unused(value):
    return value * 2
