#include "app/command_line.h"

int main(int argc, char** argv) {
  return marea::app::run(argc, argv);
}
