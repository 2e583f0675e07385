#pragma once
// Umbrella header of shoal: the index and everything it needs. Optional parts (eigen/) are included by their own headers.
