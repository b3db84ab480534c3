"""Clips to train on."""
