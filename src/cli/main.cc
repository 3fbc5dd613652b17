#include <cstdio>

int main() {
  std::puts("usage: leat VERB [OPTION...]");
  return 0;
}
