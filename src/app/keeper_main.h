// main() of the keeper: what `marea serve` turns into.
#pragma once

namespace marea::app {

int keeper_main(int argc, char** argv);

}  // namespace marea::app
