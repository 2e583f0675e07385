#pragma once
// Ctrl-C as a question that a progress callback can ask, for as long as this object lives.
//
// The first one only raises the flag; a second one ends the program as always, should the work not come to its end.

namespace shoal::demo {

class Interrupt {
 public:
  Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;
  ~Interrupt();

  [[nodiscard]] bool requested() const;

 private:
  using Handler = void (*)(int);
  Handler previous_ = nullptr;
};

}  // namespace shoal::demo
