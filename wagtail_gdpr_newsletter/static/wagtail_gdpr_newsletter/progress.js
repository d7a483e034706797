/* Asks for the campaign's state again while it is being sent. */
window.wagtail.app.register(
    "gdpr-newsletter-progress",
    class extends window.StimulusModule.Controller {
        static targets = ["state"];
        static values = { url: String, interval: { type: Number, default: 1500 } };

        connect() {
            this.timer = setInterval(() => this.refresh(), this.intervalValue);
        }

        disconnect() {
            clearInterval(this.timer);
        }

        async refresh() {
            if (this.stateTarget.dataset.underWay !== "true") {
                clearInterval(this.timer);
                return;
            }
            const response = await fetch(this.urlValue, { headers: { "X-Requested-With": "XMLHttpRequest" } });
            if (!response.ok) return;
            this.element.innerHTML = await response.text();
            // The title of the page says how it went, too.
            if (this.stateTarget.dataset.underWay !== "true") window.location.reload();
        }
    },
);
