// Stands in for a dataset of Analytics Engine, which needs an account: prints each point. Like Miniflare's it is a plain
// object with one method that gives nothing back.
export default () => ({
  writeDataPoint(point) {
    console.log(JSON.stringify({ point }));
  },
});
