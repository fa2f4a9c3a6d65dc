() => {
  // Done once, when the page opens. Many systems do not know IMG_1.HEIC for an image, and Gradio refuses what has no
  // kind: give it one by its name. A file that is too large would make Gradio refuse all that were chosen with it, and
  // not say why: it is left out, and that is said. The pictures of examples and uploads have no alternative text: give
  // them one. A camera needs a moment for its first picture, and until then Gradio lets go of a press of its button: it
  // is kept.
  const most = LIMIT, isLarge = (file) => file.size > most * 2 ** 20;
  const named = (file) => file.type || !/[.](heic|heif|avif|tiff?)$/i.test(file.name)
    ? file : new File([file], file.name, { type: 'image/' + file.name.split('.').pop().toLowerCase() });
  const leaveOut = (files, block) => {
    const notice = document.createElement('div');
    notice.className = 'notice too-large';
    notice.setAttribute('role', 'alert');
    notice.textContent = files.map((file) =>
      `${file.name} has ${Math.round(file.size / 2 ** 20)} MB; save it smaller, with ${most} MB or less.`).join(' ');
    block.parentElement.querySelector(':scope > .too-large')?.remove();
    if (files.length) block.before(notice);
  };
  const take = (event, files, put) => {
    const block = event.target.closest('#photo, #photos');
    if (!block || !files.length) return;
    leaveOut(files.filter(isLarge), block);
    const taken = files.filter((file) => !isLarge(file)).map(named);
    if (taken.length) put(taken);
    else { event.stopImmediatePropagation(); event.preventDefault(); }
  };
  document.addEventListener('change', (event) => take(event, [...(event.target.files ?? [])], (files) => {
    const chosen = new DataTransfer();
    files.forEach((file) => chosen.items.add(file));
    event.target.files = chosen.files; }), true);
  document.addEventListener('drop', (event) => take(event, [...event.dataTransfer.files], (files) =>
    Object.defineProperty(event, 'dataTransfer', { value: { files } })), true);
  document.addEventListener('click', (event) => {
    const button = event.target.closest('#photo button[aria-label="capture photo"]');
    const video = button && document.querySelector('#photo video');
    if (!button || video.readyState >= HTMLMediaElement.HAVE_CURRENT_DATA) return;
    event.stopImmediatePropagation();
    video.onloadeddata = () => { video.onloadeddata = null; button.click(); }; }, true);
  const describe = () => document.querySelectorAll('#photo img, .gallery-item img').forEach((image) => {
    const file = decodeURIComponent(image.src).split('/').pop();
    const alt = image.closest('#photo') ? 'Your photo' : 'Example: ' + file.split('.')[0].replaceAll('_', ' ');
    if (image.alt !== alt) image.alt = alt; });
  new MutationObserver(describe).observe(document.body, { childList: true, subtree: true });
  describe();
}
