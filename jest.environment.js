const {
  default: JupyterEnvironment
} = require('@jupyterlab/testing/lib/jest-env.js');

/** JupyterLab's own, whose requests are those of Node, with the signals that these take. */
module.exports = class extends JupyterEnvironment {
  constructor(...options) {
    super(...options);
    this.global.AbortController = AbortController;
    this.global.AbortSignal = AbortSignal;
  }
};
