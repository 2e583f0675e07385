// The module in a worker: messages {count, dimensions} in, {progress}, {result} or {error} out.
importScripts("shoal_web.js");

self.onmessage = async ({data: {count, dimensions}}) => {
  try {
    const shoal = await createShoal();
    const started = performance.now();
    if (!shoal._build(count, dimensions)) throw new Error(shoal.UTF8ToString(shoal._what_went_wrong()));
    const built = performance.now();
    const step = Math.max(1, Math.floor(count / 200));
    const found = shoal._count_found(step);
    const searches = Math.ceil(count / step);
    self.postMessage({result: {
      count, dimensions, searches, found,
      build_s: (built - started) / 1000,
      search_ms: (performance.now() - built) / searches,
      index_bytes: shoal._index_bytes(),
      memory_bytes: shoal.HEAPU8.length,
    }});
  } catch (error) {
    self.postMessage({error: String(error)});
  }
};
