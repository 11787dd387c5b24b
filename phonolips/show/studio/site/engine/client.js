// The engine in a Worker, for the page; README.md describes it. Being written: it throws until it is.

export async function openEngine() {
  throw new Error('openEngine is not there yet');
}
