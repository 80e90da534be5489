/** Updates the page once per frame, however many messages arrived in between. */

const waiting = new Set();
let isRequested = false;

export function onFrame(work) {
  waiting.add(work);
  if (isRequested) return;
  isRequested = true;
  requestAnimationFrame(run);
}

function run() {
  isRequested = false;
  const works = [...waiting];
  waiting.clear();
  for (const work of works) work();
}
