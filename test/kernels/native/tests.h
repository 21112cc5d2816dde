// The groups of native tests; main.cc runs them all.
#pragma once

void test_contract();
void test_properties();
void test_subtree();
void test_non_finite();
