"""The Hoeffding tree classifier against a slow oracle, River and the laws."""

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from river.tree import HoeffdingTreeClassifier as RiverTree

from streamadapt.errors import IncompatibleStateError, ParameterError
from streamadapt.models.hoeffding_tree import HoeffdingTreeClassifier
from streamadapt.models.tree_kernels import BELOW, MULTIWAY
from tests.models.naive_hoeffding_tree import NaiveHoeffdingTree

EAGER = {"grace_period": 25, "delta": 0.05, "tau": 0.3}
