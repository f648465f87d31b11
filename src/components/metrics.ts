import * as React from 'react';

/** How much room text has inside an element; in pixels. */
export interface IMetrics {
  width: number;
  /** Height of a line of the interface's text. */
  line: number;
  /** Width of a text. */
  measure: (text: string) => number;
}

/**
 * Measure the element that `ref` is put on, and again when it changes.
 *
 * Texts are measured in its font, or in that font of another weight.
 */
export function useMetrics(
  weight?: number
): IMetrics & { ref: React.RefCallback<HTMLElement> } {
  // State, since the element may come later than who measures it, or be replaced.
  const [node, ref] = React.useState<HTMLElement | null>(null);
  const [metrics, setMetrics] = React.useState<IMetrics>({
    width: 300,
    line: 18,
    measure: text => 7 * text.length
  });
  React.useLayoutEffect(() => {
    if (!node) {
      return;
    }
    const measure = () => setMetrics(metricsOf(node, weight));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(node);
    return () => observer.disconnect();
  }, [node, weight]);
  return { ...metrics, ref };
}

function metricsOf(node: HTMLElement, weight?: number): IMetrics {
  const style = getComputedStyle(node);
  const pixels = parseFloat(style.fontSize) || 13;
  const context = document.createElement('canvas').getContext('2d');
  if (context) {
    context.font = `${weight ?? style.fontWeight} ${style.fontSize} ${style.fontFamily}`;
  }
  return {
    width: node.clientWidth,
    line: Math.round(pixels * 1.4),
    measure: text =>
      context?.measureText(text).width ?? 0.55 * pixels * text.length
  };
}
