(heat) => {
  // A new answer takes aria-busy off the buttons; a heat map that comes after it belongs to another photo. Where none
  // comes, as the queue is full, every button may be pressed again.
  const versions = document.querySelectorAll('#words .version');
  if (!heat) return versions.forEach((one) => one.querySelector('.look')?.removeAttribute('aria-busy'));
  const version = versions[heat.place];
  const button = version?.querySelector('.look[aria-busy]');
  if (!button) return;
  version.querySelector('.heat img').src = heat.picture;
  version.querySelector('.heat').hidden = false;
  button.removeAttribute('aria-busy');
  button.setAttribute('aria-expanded', 'true');
}
