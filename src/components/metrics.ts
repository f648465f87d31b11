import * as React from 'react';

/** How much room text has inside an element; in pixels. */
export interface IMetrics {
  width: number;
  /** Height of a line of the interface's text. */
  line: number;
  /** Width of a text. */
  measure: (text: string) => number;
}

/** Measure an element, and again when it changes; texts in its font, or in that font of another weight. */
export function useMetrics(
  element: React.RefObject<HTMLElement>,
  weight?: number
): IMetrics {
  const [metrics, setMetrics] = React.useState<IMetrics>({
    width: 300,
    line: 18,
    measure: text => 7 * text.length
  });
  React.useLayoutEffect(() => {
    const node = element.current;
    if (!node) {
      return;
    }
    const measure = () => setMetrics(metricsOf(node, weight));
    measure();
    const observer = new ResizeObserver(measure);
    observer.observe(node);
    return () => observer.disconnect();
  }, [element, weight]);
  return metrics;
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
