import { LabIcon } from '@jupyterlab/ui-components';

/** The panel: data on a shelf, brought down to where one works. */
export const rucioIcon = glyph(
  'rucio',
  'M4 3h16v2H4zm2 4h12v2H6zm5 4h2v5.2l2.6-2.6 1.4 1.4-5 5-5-5 1.4-1.4 2.6 2.6zM4 19h2v1h12v-1h2v3H4z'
);
export const pauseIcon = glyph('pause', 'M6 5h4v14H6zm8 0h4v14h-4z');
export const warningIcon = glyph(
  'warning',
  'M12 3 1.5 21h21zm0 4 7 12H5zm-1 4v4h2v-4zm0 5v2h2v-2z'
);
export const noteIcon = glyph(
  'note',
  'M12 2a10 10 0 1 0 0 20 10 10 0 0 0 0-20zm0 2a8 8 0 1 1 0 16 8 8 0 0 1 0-16zm-1 3v2h2V7zm0 4v6h2v-6z'
);
export const pinIcon = glyph(
  'pin',
  'M15 3v1l-1 1v5l3 3v2h-4v6l-1 1-1-1v-6H7v-2l3-3V5L9 4V3z'
);
export const tapeIcon = glyph(
  'tape',
  'M7 6a5 5 0 0 0-3 9v3h16v-2h-3.1A5 5 0 1 0 12.1 14H11.9A5 5 0 0 0 7 6zm0 3a2 2 0 1 1 0 4 2 2 0 0 1 0-4zm10 0a2 2 0 1 1 0 4 2 2 0 0 1 0-4z'
);

function glyph(name: string, path: string): LabIcon {
  return new LabIcon({
    name: `rucio-jupyterlab:${name}`,
    svgstr:
      '<svg xmlns="http://www.w3.org/2000/svg" width="16" viewBox="0 0 24 24">' +
      `<path class="jp-icon3" fill="#616161" d="${path}"/></svg>`
  });
}
