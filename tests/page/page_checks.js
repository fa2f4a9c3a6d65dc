// What is wrong with the open page: texts of too little contrast, pictures and controls without a name.
() => {
  const numbers = (colour) => colour.match(/[\d.]+/g).map(Number);
  const over = ([r, g, b, alpha = 1], under) => [r, g, b].map((value, i) => value * alpha + under[i] * (1 - alpha));
  const ground = (node) => node
    ? over(numbers(getComputedStyle(node).backgroundColor), ground(node.parentElement)) : [255, 255, 255];
  // Relative luminance and contrast as WCAG 2.2 defines them.
  const luminance = (colour) => colour.map((value) => value / 255)
    .map((value) => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4)
    .reduce((sum, value, i) => sum + value * [0.2126, 0.7152, 0.0722][i], 0);
  const contrast = (one, other) => {
    const [dark, light] = [luminance(one), luminance(other)].sort((a, b) => a - b);
    return (light + 0.05) / (dark + 0.05);
  };
  const isSeen = (node) => node.checkVisibility({ opacityProperty: true, visibilityProperty: true })
    && node.getBoundingClientRect().width > 1;
  const pale = [], texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  let count = 0;
  while (texts.nextNode()) {
    const text = texts.currentNode.textContent.trim(), node = texts.currentNode.parentElement;
    if (!text || !isSeen(node)) continue;
    count += 1;
    const under = ground(node), ratio = contrast(over(numbers(getComputedStyle(node).color), under), under);
    if (ratio < 4.5) pale.push(`${ratio.toFixed(2)}: ${text.slice(0, 60)}`);
  }
  for (const bar of [...document.querySelectorAll('.fill')].filter(isSeen)) {
    const ratio = contrast(ground(bar), ground(bar.parentElement));
    if (ratio < 3) pale.push(`${ratio.toFixed(2)}: a bar`);
  }
  const named = (node) => node.ariaLabel || node.title || node.textContent.trim() || node.alt
    || node.labels?.[0]?.textContent.trim() || node.querySelector('img')?.alt || /^"/.test(getComputedStyle(node, '::after').content)
    || (node.alt === '' && node.closest('button'));  // a decoration of what has a name
  const nameless = [...document.querySelectorAll('img, button, a, input:not([type=file])')]
    .filter((node) => isSeen(node) && !named(node)).map((node) => node.outerHTML.slice(0, 200));
  const wide = document.documentElement.scrollWidth > innerWidth;
  return { count, pale, nameless, wide };
}
