import logging
import logging.config

thread = logging.config.listen(port=9999)
safe = logging.config.listen(9999, verify=lambda data: data)
