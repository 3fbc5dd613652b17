"""Flows within web frameworks."""
