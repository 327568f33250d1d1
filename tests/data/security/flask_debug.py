from flask import Flask

app = Flask(__name__)
other = Flask("other")


@app.route("/")
def index():
    return "hello"


if __name__ == "__main__":
    app.run(debug=True)
    app.run(host="0.0.0.0", debug=True)
    other.run(debug=False)
