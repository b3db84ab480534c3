"""How the free body was made from Anny; nothing else needs it."""
