// marea-shim: the first process of every sandbox.
int main() {
  return 0;
}
