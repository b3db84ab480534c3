"""InterGenEval (MATRIX): does a clip show the interaction that was asked for, told by yes/no questions to a judge."""
