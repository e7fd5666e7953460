#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Prints the constants of src/crypto/kemeleon.c: q^256 in limbs of 64 bits, least first."""

Q, N = 3329, 256

value = Q**N
limbs = []
while value:
    limbs.append(value & (2**64 - 1))
    value >>= 64
print("static const uint64_t q256[%d] = {" % len(limbs))
for i in range(0, len(limbs), 4):
    print("\t" + " ".join("0x%016x," % x for x in limbs[i:i + 4]))
print("};")
